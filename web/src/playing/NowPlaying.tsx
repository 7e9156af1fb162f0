import { ChevronDown, ListMusic, MicVocal } from 'lucide-react';
import { Dialog } from 'radix-ui';
import { useRef } from 'react';
import { Link } from 'react-router';
import { t } from '../i18n';
import { ui, useUi } from '../app/ui';
import { useCurrentTrack } from '../player/store';
import { Button, IconButton } from '../ui/basics';
import { Cover } from '../ui/Cover';
import { FavouriteButton } from '../ui/TrackRow';
import { Volume } from './Bar';
import { Devices } from './Devices';
import { LyricsView } from './Lyrics';
import { SeekBar, Transport } from './Transport';

/** The whole screen for what plays. */
export function NowPlaying() {
  const isOpen = useUi((it) => it.isNowPlayingOpen);
  const showsLyrics = useUi((it) => it.showsLyrics);
  const track = useCurrentTrack();
  const artist = track?.credits[0];
  const opener = useRef<Element | null>(null);
  const remember = () => {
    opener.current = document.activeElement;
  };
  /** The focus goes back to where it was, unless it has gone elsewhere already. */
  const goBack = (event: Event) => {
    event.preventDefault();
    if (document.activeElement === document.body && opener.current instanceof HTMLElement) opener.current.focus();
  };
  return (
    <Dialog.Root open={isOpen && track !== null} onOpenChange={(open) => !open && ui.closeNowPlaying()}>
      <Dialog.Portal>
        <Dialog.Content
          className="stage"
          aria-describedby={undefined}
          data-testid="now-playing-view"
          onOpenAutoFocus={remember}
          onCloseAutoFocus={goBack}
        >
          {track !== null && (
            <>
              <div className="stage-glow" aria-hidden style={{ background: track.artwork?.color }} />
              <header className="stage-header">
                <Dialog.Close asChild>
                  <IconButton icon={ChevronDown} size={24} label={t('player.close')} hasTip={false} />
                </Dialog.Close>
                <Link to={`/album/${track.album.id}`} onClick={ui.closeNowPlaying}>
                  {track.album.title}
                </Link>
                <Devices />
              </header>
              <div className={`stage-body ${showsLyrics ? 'with-lyrics' : ''}`}>
                <div className="stage-main">
                  <Cover artwork={track.artwork} size={480} kind="track" isEager />
                  <div className="stage-words">
                    <div>
                      <Dialog.Title className="stage-title">{track.title}</Dialog.Title>
                      {artist === undefined ? (
                        <span className="stage-artist">{track.artistLine}</span>
                      ) : (
                        <Link className="stage-artist" to={`/artist/${artist.artist.id}`} onClick={ui.closeNowPlaying}>
                          {track.artistLine}
                        </Link>
                      )}
                    </div>
                    <FavouriteButton track={track} size={24} />
                  </div>
                  <SeekBar />
                  <Transport isLarge />
                  <div className="stage-actions">
                    <Button
                      icon={MicVocal}
                      aria-pressed={showsLyrics}
                      className={showsLyrics ? 'is-on' : ''}
                      data-testid="lyrics-toggle"
                      onClick={ui.toggleLyrics}
                    >
                      {t('lyrics.title')}
                    </Button>
                    <Button
                      icon={ListMusic}
                      onClick={() => {
                        ui.closeNowPlaying();
                        ui.toggleQueue();
                      }}
                    >
                      {t('queue.title')}
                    </Button>
                    <Volume />
                  </div>
                </div>
                {showsLyrics && (
                  <div className="stage-lyrics">
                    <LyricsView key={track.id} track={track} />
                  </div>
                )}
              </div>
            </>
          )}
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
