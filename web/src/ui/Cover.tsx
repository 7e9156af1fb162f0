import { Disc3, Mic2, Music, type LucideIcon } from 'lucide-react';
import { useState } from 'react';
import { at, useGateways } from '../api/gateways';
import type { Artwork } from '../api/types';

interface CoverProps {
  artwork: Artwork | null;
  /** How wide it is drawn, in CSS pixels: says which of the server's sizes are fetched. */
  size: number;
  shape?: 'square' | 'round';
  kind?: 'album' | 'artist' | 'track';
  isEager?: boolean;
}

const SIZES = [96, 300, 640, 1200];
const ICONS: Record<NonNullable<CoverProps['kind']>, LucideIcon> = { album: Disc3, artist: Mic2, track: Music };

/** Decoration: what it shows is said in words beside it. */
export function Cover({ artwork, size, shape = 'square', kind = 'album', isEager = false }: CoverProps) {
  const [failedUrl, setFailedUrl] = useState('');
  useGateways((it) => it.present);
  const Icon = ICONS[kind];
  const url = artwork === null ? '' : at(artwork.url);
  const isShown = artwork !== null && url !== failedUrl;
  return (
    <span className={`cover ${shape}`} style={isShown ? { backgroundColor: artwork.color } : undefined}>
      {isShown ? (
        <img
          alt=""
          src={`${url}/300`}
          srcSet={SIZES.map((it) => `${url}/${it} ${it}w`).join(', ')}
          sizes={`${size}px`}
          loading={isEager ? 'eager' : 'lazy'}
          decoding="async"
          draggable={false}
          onError={() => setFailedUrl(url)}
        />
      ) : (
        <Icon aria-hidden strokeWidth={1.25} />
      )}
    </span>
  );
}
