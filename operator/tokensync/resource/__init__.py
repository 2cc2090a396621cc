"""What the user declared, and what we tell them about it: the `ClientCredentialToken` of `crds/`, as values."""
