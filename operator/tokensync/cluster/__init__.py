"""Every call to the Kubernetes API: ours through the official client, the watch's through a session of our making."""
