/** What the documents of documents.ts ask for, as TypeScript sees it. */

export interface StreamInfo {
  hls: string;
  expiresAt: string;
  trackGain: number | null;
  albumGain: number | null;
  sampleRate: number;
  samples: number;
  encoderDelay: number;
  encoderPadding: number;
}
