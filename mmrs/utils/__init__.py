"""Helpers that know no task: the stack layer, the doctor, messages."""
