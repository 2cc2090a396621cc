"""The bytes of a Secret become a certificate and its private key, and these sign the assertion that proves who we are."""
