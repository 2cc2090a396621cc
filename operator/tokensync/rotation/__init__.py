"""When and why a token is renewed. Pure: what is known and what time it is go in, a decision comes out.

`schedule` answers "when is it renewed?", `decide` "what has to be done now?", `attempts` "when is it tried again?",
`conditions` what the user is told.
"""
