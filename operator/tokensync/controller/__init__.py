"""From a watch event to a written Secret: handlers, inventory, due queue, workers, reconciler.

What it needs of the outside it names as protocols in `ports`; `startup` hands the adapters in.
"""
