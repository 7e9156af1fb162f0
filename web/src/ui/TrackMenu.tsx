import { Disc3, Ellipsis, Heart, ListEnd, ListPlus, ListStart, Mic2, Plus, Trash2, type LucideIcon } from 'lucide-react';
import { DropdownMenu } from 'radix-ui';
import { useState, type ReactNode } from 'react';
import { useNavigate } from 'react-router';
import { useAddToPlaylist, useIsFavourite, usePlaylists, useToggleFavourite } from '../api/queries';
import type { Track } from '../api/types';
import { notify } from '../app/notices';
import { t } from '../i18n';
import { player } from '../player/controller';
import { IconButton } from './basics';
import { NewPlaylist } from './NewPlaylist';

interface ItemProps {
  icon: LucideIcon;
  onSelect: () => void;
  children: ReactNode;
}

export function MenuItem({ icon: Icon, onSelect, children }: ItemProps) {
  return (
    <DropdownMenu.Item className="menu-item" onSelect={onSelect}>
      <Icon size={16} aria-hidden />
      {children}
    </DropdownMenu.Item>
  );
}

interface MenuProps {
  label: string;
  children: ReactNode;
}

export function Menu({ label, children }: MenuProps) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>
        <IconButton icon={Ellipsis} label={label} data-testid="menu" />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end" sideOffset={4} collisionPadding={8}>
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

/** "Add to playlist", with a way to make a new one. */
export function AddToPlaylist({ tracks, onNew }: { tracks: readonly Track[]; onNew: () => void }) {
  const { data: playlists = [] } = usePlaylists();
  const add = useAddToPlaylist();
  const trackIds = tracks.map((it) => it.id);
  return (
    <DropdownMenu.Sub>
      <DropdownMenu.SubTrigger className="menu-item">
        <ListPlus size={16} aria-hidden />
        {t('menu.addToPlaylist')}
      </DropdownMenu.SubTrigger>
      <DropdownMenu.Portal>
        <DropdownMenu.SubContent className="menu" sideOffset={4} collisionPadding={8}>
          <MenuItem icon={Plus} onSelect={onNew}>
            {t('playlist.new')}
          </MenuItem>
          {playlists.length > 0 && <DropdownMenu.Separator className="menu-separator" />}
          {playlists.map((it) => (
            <DropdownMenu.Item
              key={it.id}
              className="menu-item"
              onSelect={() =>
                add.mutate(
                  { id: it.id, trackIds },
                  { onSuccess: () => notify(t('playlist.added', { count: tracks.length, name: it.name })) },
                )
              }
            >
              <span className="menu-text">{it.name}</span>
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.SubContent>
      </DropdownMenu.Portal>
    </DropdownMenu.Sub>
  );
}

export function QueueItems({ tracks }: { tracks: readonly Track[] }) {
  return (
    <>
      <MenuItem
        icon={ListStart}
        onSelect={() => {
          player.enqueue(tracks, 'NEXT');
          notify(t('queue.playsNext', { count: tracks.length }));
        }}
      >
        {t('menu.playNext')}
      </MenuItem>
      <MenuItem
        icon={ListEnd}
        onSelect={() => {
          player.enqueue(tracks, 'LAST');
          notify(t('queue.added', { count: tracks.length }));
        }}
      >
        {t('menu.enqueue')}
      </MenuItem>
    </>
  );
}

interface TrackMenuProps {
  track: Track;
  hidesAlbum?: boolean;
  onRemove?: (() => void) | undefined;
  removeLabel?: string;
}

export function TrackMenu({ track, hidesAlbum = false, onRemove, removeLabel }: TrackMenuProps) {
  const [isNaming, setNaming] = useState(false);
  return (
    <>
      <Menu label={t('menu.of', { title: track.title })}>
        <TrackMenuItems track={track} hidesAlbum={hidesAlbum} onNew={() => setNaming(true)} />
        {onRemove && (
          <MenuItem icon={Trash2} onSelect={onRemove}>
            {removeLabel}
          </MenuItem>
        )}
      </Menu>
      {isNaming && <NewPlaylist trackIds={[track.id]} onClose={() => setNaming(false)} />}
    </>
  );
}

interface TrackMenuItemsProps {
  track: Track;
  hidesAlbum?: boolean;
  /** A new playlist with it is wanted. */
  onNew: () => void;
}

export function TrackMenuItems({ track, hidesAlbum = false, onNew }: TrackMenuItemsProps) {
  const navigate = useNavigate();
  const isFavourite = useIsFavourite(track);
  const favour = useToggleFavourite();
  const artist = track.credits[0]?.artist.id;
  return (
    <>
      <QueueItems tracks={[track]} />
      <AddToPlaylist tracks={[track]} onNew={onNew} />
      <MenuItem icon={Heart} onSelect={() => favour.mutate({ trackId: track.id, isFavourite: !isFavourite })}>
        {t(isFavourite ? 'favourite.remove' : 'favourite.add')}
      </MenuItem>
      <DropdownMenu.Separator className="menu-separator" />
      {!hidesAlbum && (
        <MenuItem icon={Disc3} onSelect={() => void navigate(`/album/${track.album.id}`)}>
          {t('menu.goToAlbum')}
        </MenuItem>
      )}
      {artist !== undefined && (
        <MenuItem icon={Mic2} onSelect={() => void navigate(`/artist/${artist}`)}>
          {t('menu.goToArtist')}
        </MenuItem>
      )}
    </>
  );
}
