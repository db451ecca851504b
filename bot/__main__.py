"""`python -m bot …` is `earnings-desk …`."""

from bot.cli import main

if __name__ == "__main__":
    main()
