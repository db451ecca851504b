"""Discord: what arrives there becomes calls of the desk, and the desk's cards become Components V2."""
