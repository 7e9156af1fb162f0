import { DropdownMenu } from 'radix-ui';
import { useState } from 'react';
import type { Track } from '../api/types';
import { SEARCH_ID } from '../app/ui';
import { t } from '../i18n';
import { NewPlaylist } from '../ui/NewPlaylist';
import { TrackMenuItems } from '../ui/TrackMenu';
import type { Found } from './answer';

export function hasMenu(found: Found): found is Extract<Found, { node: Track }> {
  return found.kind === 'tracks' || found.kind === 'lyrics';
}

interface ResultMenuProps {
  track: Track;
  /** The element that it is about. */
  at: HTMLElement;
  onClose: () => void;
}

/** What else can be done with a result. It opens beside it, and the focus goes back into the box. */
export function ResultMenu({ track, at, onClose }: ResultMenuProps) {
  const [isNaming, setNaming] = useState(false);
  const { bottom, left, right } = at.getBoundingClientRect();
  const isRightToLeft = getComputedStyle(at).direction === 'rtl';
  const place = { insetBlockStart: bottom - 8, left: isRightToLeft ? left + 24 : right - 24 };
  if (isNaming) return <NewPlaylist trackIds={[track.id]} onClose={onClose} />;
  return (
    <DropdownMenu.Root open modal={false} onOpenChange={(isOpen) => !isOpen && onClose()}>
      <DropdownMenu.Trigger asChild>
        <span className="menu-place" style={place} tabIndex={-1} aria-hidden />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          className="menu"
          align="end"
          collisionPadding={8}
          aria-label={t('menu.of', { title: track.title })}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            document.getElementById(SEARCH_ID)?.focus({ preventScroll: true });
          }}
        >
          <TrackMenuItems track={track} onNew={() => setNaming(true)} />
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
