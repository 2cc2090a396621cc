"""`make demo`: the operator at its work, in acts that are announced, verified and summed up."""
