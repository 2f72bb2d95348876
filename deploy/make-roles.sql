-- The two roles and the database (CFG-03). Run by psql (15 or newer) as the server's superuser, with
-- the passwords in the environment. What is there stays as it is, passwords included.
\getenv owner_password OWNER_PASSWORD
\getenv nodes_password NODES_PASSWORD
-- A variable of psql is nothing inside `DO`, so a query writes the statement and \gexec runs it.
SELECT format('CREATE ROLE latchkey_owner LOGIN PASSWORD %L', :'owner_password')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'latchkey_owner') \gexec
SELECT format('CREATE ROLE latchkey LOGIN PASSWORD %L', :'nodes_password')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'latchkey') \gexec
SELECT 'CREATE DATABASE latchkey OWNER latchkey_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'latchkey') \gexec
