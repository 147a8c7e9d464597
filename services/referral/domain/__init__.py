"""The rules of referring: who may be asked, in which order, and what each answer changes."""
