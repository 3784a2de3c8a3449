// Builds the desk's pages into plain files that the gateway serves. The policy of the gateway
// allows no inline script and no foreign host, so nothing is inlined and nothing is fetched from
// elsewhere.
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {gzipSync} from 'node:zlib';

import react from '@vitejs/plugin-react';
import {defineConfig, type Plugin} from 'vitest/config';

// Beside each script and style sheet its packed form, which the gateway sends to every browser that
// takes it. Done from the written files, since other plugins still change them before that.
function packed(): Plugin {
  return {
    name: 'packed',
    apply: 'build',
    writeBundle({dir = '.'}, bundle) {
      for (const name of Object.keys(bundle)) {
        if (!/\.(js|css)$/.test(name)) continue;
        const path = join(dir, name);
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), {level: 9}));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), packed()],
  build: {
    outDir: process.env.EDCSYNC_PAGE_OUT ?? 'dist',
    emptyOutDir: true,
    target: 'es2021',
    // An image or font as a data: address would be refused by font-src 'self'.
    assetsInlineLimit: 0,
    modulePreload: {polyfill: false},
    chunkSizeWarningLimit: 700,
    reportCompressedSize: false,
  },
  server: {
    host: '127.0.0.1',
    // Where `npm run dev` finds the API; a gateway on this machine unless told otherwise.
    proxy: {'/api': {target: process.env.EDCSYNC_API ?? 'http://127.0.0.1:8443', secure: false}},
  },
  test: {include: ['src/**/*.test.ts'], environment: 'node'},
});
