-- The house may fill more of the audit log than a tenant of others may, also where it was founded before that was counted.
UPDATE tenants SET ceilings = json_set(ceilings, '$.audit_bytes_per_minute', 4294967296)
WHERE id = 'main' AND json_extract(ceilings, '$.audit_bytes_per_minute') IS NULL;
