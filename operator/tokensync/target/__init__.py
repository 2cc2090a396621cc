"""The Secret that is written: what it holds, who owns it, what was done to it. Pure: dictionaries in, dictionaries out."""
