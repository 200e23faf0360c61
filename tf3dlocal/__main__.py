"""`python -m tf3dlocal`, for where the command itself is not on the path."""

from tf3dlocal.cli import main

if __name__ == "__main__":
    main()
