"""The verb `analyze`: the steps to run, their order, and the reasons."""
