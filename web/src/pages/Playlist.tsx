import { Globe, ListMusic, Pencil, Play, Trash2 } from 'lucide-react';
import { useCallback, useMemo, useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import {
  useDeletePlaylist,
  useIsMe,
  useLivePlaylist,
  useMovePlaylistEntry,
  usePlaylist,
  useRemoveFromPlaylist,
  useRenamePlaylist,
  useSetPlaylistPublic,
} from '../api/queries';
import type { Playlist } from '../api/types';
import { formatLength, t } from '../i18n';
import { player } from '../player/controller';
import { Button, Empty, Facts, IconButton, Loaded, Page } from '../ui/basics';
import { NameForm } from '../ui/NewPlaylist';
import { Sheet } from '../ui/Sheet';
import { SortableTracks, TrackList } from '../ui/TrackList';
import { TrackRow } from '../ui/TrackRow';

export function PlaylistPage() {
  const { id = '' } = useParams();
  const navigate = useNavigate();
  const leave = useCallback(() => void navigate('/playlists', { replace: true }), [navigate]);
  const { data: playlist, isPending, error, refetch } = usePlaylist(id);
  useLivePlaylist(id, leave);
  return (
    <Loaded isPending={isPending} error={error} onRetry={refetch}>
      {playlist && <PlaylistView key={playlist.id} playlist={playlist} />}
    </Loaded>
  );
}

function PlaylistView({ playlist }: { playlist: Playlist }) {
  const move = useMovePlaylistEntry(playlist.id);
  const remove = useRemoveFromPlaylist(playlist.id);
  // Others' playlists are there to be heard.
  const isMine = useIsMe(playlist.owner.id);
  const entries = playlist.entries.nodes;
  const tracks = useMemo(() => entries.map((it) => it.track), [entries]);
  return (
    <Page title={playlist.name} header={<PlaylistHeader playlist={playlist} isMine={isMine} />}>
      {entries.length === 0 ? (
        <Empty icon={ListMusic} title={t(isMine ? 'playlist.empty' : 'playlist.emptyOther')} />
      ) : !isMine ? (
        <TrackList tracks={tracks} label={playlist.name} lead="cover" />
      ) : (
        <SortableTracks
          entries={entries}
          label={playlist.name}
          onMove={(entryId, index) => move.mutate({ entryId, index })}
        >
          {(entry, index, handle) => (
            <TrackRow
              track={entry.track}
              lead="cover"
              handle={handle}
              onPlay={() => player.playTracks(tracks, index)}
              onRemove={() => remove.mutate({ entryIds: [entry.id] })}
              removeLabel={t('playlist.removeTrack')}
            />
          )}
        </SortableTracks>
      )}
    </Page>
  );
}

function PlaylistHeader({ playlist, isMine }: { playlist: Playlist; isMine: boolean }) {
  const [open, setOpen] = useState<'rename' | 'delete' | null>(null);
  const rename = useRenamePlaylist(playlist.id);
  const show = useSetPlaylistPublic(playlist.id);
  const remove = useDeletePlaylist();
  const navigate = useNavigate();
  const tracks = playlist.entries.nodes.map((it) => it.track);
  const close = () => setOpen(null);
  return (
    <header className="page-header">
      <div>
        <h1 tabIndex={-1} data-testid="playlist-title">
          {playlist.name}
        </h1>
        <p className="muted">
          <Facts
            facts={[
              isMine ? null : <Link to={`/person/${playlist.owner.id}`}>{t('search.by', { name: playlist.owner.name })}</Link>,
              t('count.tracks', { count: playlist.entryCount }),
              playlist.entryCount > 0 ? formatLength(playlist.durationMs) : null,
            ]}
          />
        </p>
      </div>
      <div className="page-actions">
        <Button
          variant="primary"
          icon={Play}
          disabled={tracks.length === 0}
          data-testid="play-playlist"
          onClick={() => player.playTracks(tracks)}
        >
          {t('player.play')}
        </Button>
        {isMine && (
          <>
            <IconButton
              icon={Globe}
              isOn={playlist.isPublic}
              className={playlist.isPublic ? 'is-on' : ''}
              label={t('playlist.public')}
              data-testid="playlist-public"
              onClick={() => show.mutate({ isPublic: !playlist.isPublic })}
            />
            <IconButton icon={Pencil} label={t('playlist.rename')} data-testid="rename-playlist" onClick={() => setOpen('rename')} />
            <IconButton icon={Trash2} label={t('playlist.delete')} data-testid="delete-playlist" onClick={() => setOpen('delete')} />
          </>
        )}
      </div>
      {open === 'rename' && (
        <NameForm
          title={t('playlist.rename')}
          initial={playlist.name}
          action={t('action.save')}
          isBusy={false}
          onClose={close}
          onSubmit={(name) => {
            rename.mutate({ name });
            close();
          }}
        />
      )}
      <Sheet
        isOpen={open === 'delete'}
        onClose={close}
        title={t('playlist.delete')}
        description={t('playlist.deleteText', { name: playlist.name })}
      >
        <div className="form-actions">
          <Button onClick={close}>{t('action.cancel')}</Button>
          <Button
            variant="danger"
            data-testid="confirm-delete"
            onClick={() => {
              remove.mutate(playlist.id);
              void navigate('/playlists', { replace: true });
            }}
          >
            {t('action.delete')}
          </Button>
        </div>
      </Sheet>
    </header>
  );
}
