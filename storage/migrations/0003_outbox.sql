-- Which streams have messages that wait for another actor (runtime/outbox.h): looked up at the start of a node, so that it need not
-- read every stream. Kept by the append itself (journal_postgres_batch.c).

ALTER TABLE streams ADD COLUMN is_waiting boolean NOT NULL DEFAULT false;
CREATE INDEX streams_waiting ON streams (stream) WHERE is_waiting;
