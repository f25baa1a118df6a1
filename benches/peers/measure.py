"""Arguments, threads, timing and output of the scripts in this folder: the standard library alone."""

import argparse
import json
import os
import statistics
import time


def arguments(*cases):
    """Reads the command line and limits the threads; call it before numpy, torch or jax load,
    which count the cores when they do."""
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=cases)
    parser.add_argument("--chains", type=positive, required=True,
                        help="chains; for training the batch too")
    parser.add_argument("--threads", type=positive, default=2)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each form")
    found = parser.parse_args()
    limit_threads(found.threads)
    return found


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not at least 1")
    return number


def limit_threads(threads):
    """Limits this process and its children to so many cores and threads."""
    for name in ("OMP", "OPENBLAS", "MKL", "RAYON"):
        os.environ[f"{name}_NUM_THREADS"] = str(threads)
    # XLA has no setting of its own: it takes the cores that it may run on.
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if threads > len(cores):
            raise SystemExit(f"--threads {threads}: only {len(cores)} cores are to be had")
        os.sched_setaffinity(0, cores[:threads])


def time_form(given, peer, version, form, work, steps, chains=None):
    """Times `work`, which makes `steps` steps of all chains and waits for them, and prints the
    median and the best rate. The check of the form has called it already: it is warm."""
    chains = chains or given.chains
    times = []
    started = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - started < given.seconds:
        before = time.perf_counter()
        work()
        times.append(time.perf_counter() - before)
    line = {"peer": peer, "form": form, "case": given.case, "chains": chains,
            "per_second": chains * steps / statistics.median(times),
            "best": chains * steps / min(times), "repeats": len(times), "version": version}
    print(json.dumps(line), flush=True)
