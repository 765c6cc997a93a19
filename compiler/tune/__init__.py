"""
The tuner: measurements in the place of prices, where schedules compete for a group.

    signatures.py  what groups are known by, in timings and in lock files
    trial.py       what was measured of one candidate
    task.py        a group alone, with inputs and what it must compute
    timer.py       what times candidates, and how each is checked before it counts
    timings.py     the cache of timings, a file of JSON lines
    tuner.py       chooses by time, within a time limit
    lock.py        chooses what an earlier build chose
    choosers.py    who chooses, from the options of a build
    programs.py    the cubins of a candidate
    cuda.py        times on a GPU, through CuPy

`select-schedule` asks whoever chooses (`passes/kernels/schedules/choosing.py`).
"""
