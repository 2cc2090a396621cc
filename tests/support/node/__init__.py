"""A cluster that runs pods: one node of our own on this machine, or whatever cluster `KUBECONFIG` names."""
