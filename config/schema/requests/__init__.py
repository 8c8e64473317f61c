"""Work on the schema that somebody asks for on a page, and that a worker does with the commands of a terminal.

A request is a row that people see: asked for, approved by somebody else where the gate wants it, let go by who may run
it, taken by one worker, and ended with what the command said (docs/schema-pages.md).
"""
