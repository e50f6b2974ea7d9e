"""The benchmark: what the product does on this machine, beside what the same machine does without it.

    python -m tests.bench [--quick] [--only NAME] [--rounds N] [--json FILE]

Each measure runs the product and its reference in turn, several rounds in one run, so that what else the machine does
meets both. A line is the median of the rounds; the ratio is the median of the rounds' own ratios.

* `figures` (pure): what a measured line is, its target and its verdict. `report` (pure): how lines are printed.
* `machine`: cores, CPU time and memory of processes. `bench`: what measures share, such as a Kafka broker.
* `measures`: one module for each measure. `plots`: the two pictures.
"""
