"""Months of kind `assistants`: what subscribers' payments come to for each assistant and referrer, and its posting."""
