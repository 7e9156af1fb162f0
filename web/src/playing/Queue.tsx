import { ListMusic, Trash2, X } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { ui } from '../app/ui';
import { t } from '../i18n';
import { player } from '../player/controller';
import { usePlayback } from '../player/store';
import { Empty, IconButton } from '../ui/basics';
import { SortableTracks } from '../ui/TrackList';
import { TrackRow } from '../ui/TrackRow';

const SCROLLER = 'queue-list';

/** What comes next, beside the page. */
export function Queue() {
  const queue = usePlayback((it) => it.session?.queue ?? null);
  const currentEntryId = usePlayback((it) => it.session?.currentEntryId ?? null);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus();
  }, []);
  const entries = queue ?? [];
  return (
    <aside
      className="queue"
      aria-label={t('queue.title')}
      data-testid="queue-drawer"
      onKeyDown={(event) => {
        if (event.key === 'Escape' && !event.defaultPrevented) ui.closeQueue();
      }}
    >
      <header className="queue-header">
        <h2 ref={heading} tabIndex={-1}>
          {t('queue.title')}
        </h2>
        <span className="muted">
          <bdi>{t('count.tracks', { count: entries.length })}</bdi>
        </span>
        <IconButton
          icon={Trash2}
          size={18}
          label={t('queue.clear')}
          disabled={entries.length === 0}
          onClick={() => player.clearQueue()}
        />
        <IconButton icon={X} label={t('queue.close')} onClick={ui.closeQueue} />
      </header>
      <div className="queue-list" id={SCROLLER} tabIndex={-1}>
        {entries.length === 0 ? (
          <Empty icon={ListMusic} title={t('queue.empty')} />
        ) : (
          <SortableTracks
            entries={entries}
            label={t('queue.title')}
            scrollerId={SCROLLER}
            onMove={(id, index) => player.moveInQueue(id, index)}
          >
            {(entry, _, handle) => (
              <TrackRow
                track={entry.track}
                lead="cover"
                hidesAlbum
                isCurrent={entry.id === currentEntryId}
                handle={handle}
                onPlay={() => player.playEntry(entry.id)}
                onRemove={() => player.removeFromQueue(entry.id)}
                removeLabel={t('queue.remove')}
              />
            )}
          </SortableTracks>
        )}
      </div>
    </aside>
  );
}
