-- The latest moment that a node was at: what ran out by then is over, whatever clocks say later.
CREATE TABLE latest_moment (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;
