"""The tests by the name of the procedure that each carries out."""

TESTS = {}


def procedure(name):
    def register(test):
        TESTS[name] = test
        return test
    return register
