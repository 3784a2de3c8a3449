#!/usr/bin/env python3
"""A line that can be cut: forwards TCP connections until it is killed.

    forwarder.py LISTEN_PORT TARGET_PORT      (both on 127.0.0.1; LISTEN_PORT 0: any free one)

Prints the port it listens on. Killing the process closes every connection at once, as a pulled
plug does; starting it again on the same port puts the line back.
"""
import socket
import sys
import threading


def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    finally:
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def main():
    listen_port, target_port = int(sys.argv[1]), int(sys.argv[2])
    with socket.create_server(("127.0.0.1", listen_port)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            client, _ = server.accept()
            try:
                broker = socket.create_connection(("127.0.0.1", target_port))
            except OSError:
                client.close()
                continue
            for pair in ((client, broker), (broker, client)):
                pair[0].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=pump, args=pair, daemon=True).start()


if __name__ == "__main__":
    main()
