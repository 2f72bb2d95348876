DROP TABLE login_events;
DROP FUNCTION keep_login_events();
DROP TABLE sessions;
DROP TABLE password_attempts;
DROP TABLE passwords;
DROP TABLE identifiers;
DROP TABLE identities;
DROP TABLE users;
