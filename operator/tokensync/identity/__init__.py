"""Getting access tokens: which hosts may be asked, MSAL and the HTTP under it, and what the answers mean."""
