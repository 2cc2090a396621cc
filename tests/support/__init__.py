"""What the tests, the demo and the benchmarks stand on: a real control plane, a strict fake provider, and the operator."""
