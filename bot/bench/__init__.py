"""The benchmarks of `earnings-desk bench`: each figure beside a floor taken in the same run."""
