"""Every call of kazoo, sync and async, and every recipe, against a server.

Ends with exit code 1 at the first answer that Java's own server would not have given; prints what it
got, so that two runs can be compared.
usage: every_call.py <host:port>. Wants extendedTypesEnabled=true and an empty server.
"""

import sys
import traceback

import calls
import recipes
import sessions


def main():
    try:
        for part in (calls, recipes, sessions):
            part.run(sys.argv[1])
    except Exception:  # told in the output that is compared, and by the exit code
        print("FAILED:", traceback.format_exc())
        return 1
    print("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
