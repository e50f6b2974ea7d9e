"""SQL of users: read, checked, and written anew so that it sees the rows of one workspace. Pure.

What runs is never the user's text. `reader` makes a tree of it, `selects` and `expressions` write a query from that
tree, and what they have no rule for is refused: an allow list of clauses, expressions, functions (`functions`), types
(`types`) and tables (`tables`). `failures` says in the user's words what the engine objects to.
"""
