-- What the service keeps. Every object belongs to a tenant, and every question names the tenant.
CREATE TABLE facts (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT;
INSERT INTO facts VALUES ('rights', 1);

CREATE TABLE tenants (
    id TEXT PRIMARY KEY, ceilings TEXT NOT NULL, open INTEGER NOT NULL, created INTEGER NOT NULL
) STRICT;
CREATE TABLE principals (
    tenant TEXT NOT NULL REFERENCES tenants (id), id TEXT NOT NULL, kind TEXT NOT NULL, roles TEXT NOT NULL,
    labels TEXT NOT NULL, suspended INTEGER NOT NULL, created INTEGER NOT NULL, PRIMARY KEY (tenant, id)
) STRICT;
CREATE TABLE keys (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, principal TEXT NOT NULL, prefix TEXT NOT NULL UNIQUE, hash BLOB NOT NULL,
    name TEXT NOT NULL, scopes TEXT, created INTEGER NOT NULL, expires INTEGER, revoked INTEGER, last_used INTEGER,
    FOREIGN KEY (tenant, principal) REFERENCES principals (tenant, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX keys_of ON keys (tenant, id);
CREATE TABLE revoked_tokens (jti TEXT PRIMARY KEY, expires INTEGER NOT NULL) STRICT;
CREATE TABLE roles (
    tenant TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE, name TEXT NOT NULL, actions TEXT NOT NULL,
    own_only INTEGER NOT NULL, created INTEGER NOT NULL, PRIMARY KEY (tenant, name)
) STRICT;
CREATE TABLE policies (
    tenant TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE, name TEXT NOT NULL, text TEXT NOT NULL,
    created INTEGER NOT NULL, PRIMARY KEY (tenant, name)
) STRICT;

-- Moves whenever what somebody may do has changed, in whichever process; who remembers an answer looks at it.
CREATE TRIGGER rights_1 AFTER UPDATE OF open ON tenants BEGIN UPDATE facts SET value = value + 1 WHERE name = 'rights'; END;
CREATE TRIGGER rights_2 AFTER DELETE ON tenants BEGIN UPDATE facts SET value = value + 1 WHERE name = 'rights'; END;
CREATE TRIGGER rights_3 AFTER UPDATE ON principals BEGIN UPDATE facts SET value = value + 1 WHERE name = 'rights'; END;
CREATE TRIGGER rights_4 AFTER DELETE ON principals BEGIN UPDATE facts SET value = value + 1 WHERE name = 'rights'; END;
CREATE TRIGGER rights_5 AFTER UPDATE OF revoked, expires, scopes ON keys
    BEGIN UPDATE facts SET value = value + 1 WHERE name = 'rights'; END;
CREATE TRIGGER rights_6 AFTER DELETE ON keys BEGIN UPDATE facts SET value = value + 1 WHERE name = 'rights'; END;
CREATE TRIGGER rights_7 AFTER INSERT ON revoked_tokens BEGIN UPDATE facts SET value = value + 1 WHERE name = 'rights'; END;
CREATE TRIGGER rights_8 AFTER INSERT ON policies BEGIN UPDATE facts SET value = value + 1 WHERE name = 'rights'; END;
CREATE TRIGGER rights_9 AFTER DELETE ON policies BEGIN UPDATE facts SET value = value + 1 WHERE name = 'rights'; END;
CREATE TRIGGER rights_10 AFTER UPDATE ON policies BEGIN UPDATE facts SET value = value + 1 WHERE name = 'rights'; END;
CREATE TRIGGER rights_11 AFTER INSERT ON roles BEGIN UPDATE facts SET value = value + 1 WHERE name = 'rights'; END;
CREATE TRIGGER rights_12 AFTER DELETE ON roles BEGIN UPDATE facts SET value = value + 1 WHERE name = 'rights'; END;
CREATE TRIGGER rights_13 AFTER UPDATE ON roles BEGIN UPDATE facts SET value = value + 1 WHERE name = 'rights'; END;
CREATE TRIGGER rights_14 AFTER INSERT ON tenants BEGIN UPDATE facts SET value = value + 1 WHERE name = 'rights'; END;

CREATE TABLE components (
    tenant TEXT NOT NULL, digest TEXT NOT NULL, owner TEXT NOT NULL, bytes INTEGER NOT NULL, labels TEXT NOT NULL,
    description TEXT NOT NULL, created INTEGER NOT NULL, PRIMARY KEY (tenant, digest)
) STRICT;
CREATE TABLE runs (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, owner TEXT NOT NULL, component TEXT NOT NULL, sandbox TEXT,
    state TEXT NOT NULL, outcome TEXT, labels TEXT NOT NULL, created INTEGER NOT NULL, ended INTEGER, answer TEXT NOT NULL
) STRICT;
CREATE INDEX runs_of ON runs (tenant, id);
CREATE INDEX runs_open ON runs (state) WHERE state <> 'ended';
CREATE TABLE retries (
    tenant TEXT NOT NULL, principal TEXT NOT NULL, key TEXT NOT NULL, request BLOB NOT NULL, run TEXT NOT NULL,
    created INTEGER NOT NULL, PRIMARY KEY (tenant, principal, key)
) STRICT;
CREATE INDEX retries_by_age ON retries (created);
CREATE TABLE sandboxes (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, owner TEXT NOT NULL, state TEXT NOT NULL, draft TEXT NOT NULL,
    workspace TEXT, spec TEXT NOT NULL, labels TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL
) STRICT;
CREATE INDEX sandboxes_of ON sandboxes (tenant, id);
CREATE INDEX sandboxes_by_end ON sandboxes (expires);

-- Workspaces get a tenant; what was there belongs to the house.
CREATE TABLE workspaces_2 (
    tenant TEXT NOT NULL, name TEXT NOT NULL, owner TEXT NOT NULL, tree TEXT NOT NULL, files INTEGER NOT NULL,
    bytes INTEGER NOT NULL, created INTEGER NOT NULL, changed INTEGER NOT NULL, PRIMARY KEY (tenant, name)
) STRICT;
INSERT INTO workspaces_2 SELECT 'main', name, owner, tree, files, bytes, created, changed FROM workspaces;
CREATE TABLE drafts_2 (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, workspace TEXT, base TEXT NOT NULL, created INTEGER NOT NULL,
    FOREIGN KEY (tenant, workspace) REFERENCES workspaces_2 (tenant, name)
) STRICT;
INSERT INTO drafts_2 SELECT id, 'main', workspace, base, created FROM drafts;
DROP TABLE drafts;
DROP TABLE workspaces;
ALTER TABLE workspaces_2 RENAME TO workspaces;
ALTER TABLE drafts_2 RENAME TO drafts;
CREATE INDEX drafts_of ON drafts (tenant, workspace);
