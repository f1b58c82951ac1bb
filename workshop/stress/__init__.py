"""What is tried by hand, for minutes or hours; no part of the test line.

- `faults`: plant faults into a copy of the project, and see that a test fails for each
- `kill`: kill training runs at random moments, and compare their ends bit for bit
- `kill_team`: the same with two processes
- `crowd`: several kernels run a lesson at once: how long, how much memory?
- `hostile_calls`: calls that nobody should make
- `hostile`: does each of them, and each hostile command line, end in a sentence?
- `check_book`: does every link of the book lead somewhere?
"""
