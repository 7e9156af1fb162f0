// bad_files.mjs -- files as nobody wants them, made by hand.

import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { deflateSync } from 'node:zlib';

function synchsafe(size) {
  return Buffer.from([(size >> 21) & 0x7f, (size >> 14) & 0x7f, (size >> 7) & 0x7f, size & 0x7f]);
}

function frame(id, body) {
  return Buffer.concat([Buffer.from(id, 'latin1'), synchsafe(body.length), Buffer.from([0, 0]), body]);
}

/** A frame of text, UTF-8 (ID3v2.4). */
export function textFrame(id, text) {
  return frame(id, Buffer.concat([Buffer.from([3]), Buffer.from(text)]));
}

export function pictureFrame(type, bytes) {
  return frame('APIC', Buffer.concat([Buffer.from([0]), Buffer.from(`${type}\0`), Buffer.from([3, 0]), bytes]));
}

export function id3(...frames) {
  const body = Buffer.concat(frames);
  return Buffer.concat([Buffer.from('ID3\x04\0\0', 'latin1'), synchsafe(body.length), body]);
}

/** An MP3's bytes without the ID3v2 tags in front. */
export function withoutId3(bytes) {
  if (bytes.toString('latin1', 0, 3) !== 'ID3') return bytes;
  const size = (bytes[6] << 21) | (bytes[7] << 14) | (bytes[8] << 7) | bytes[9];
  return withoutId3(bytes.subarray(10 + size));
}

const crcTable = Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});

/** CRC-32 as in PNG; node:zlib has none on Node 18. */
function crc(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = crcTable[(value ^ byte) & 0xff] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

function chunk(type, body) {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), body]);
  const size = Buffer.alloc(4), check = Buffer.alloc(4);
  size.writeUInt32BE(body.length);
  check.writeUInt32BE(crc(named));
  return Buffer.concat([size, named, check]);
}

/** A PNG that says it is side x side and whose data unpacks to `unpacked` bytes, a thousandth of that on disk. */
export function pngBomb(side, unpacked) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 2, 0, 0, 0], 8); // 8 bits, RGB
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(unpacked), { level: 9 })), chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A file of this size that holds only its first bytes; the rest is a hole. */
export function writeSparse(path, head, size) {
  const fd = openSync(path, 'w');
  writeSync(fd, head);
  ftruncateSync(fd, size);
  closeSync(fd);
}

/** The header of a WAV file whose PCM has this many bytes. */
export function wavHeader(size, channels = 2, rate = 44100, bits = 16) {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + size, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE((rate * channels * bits) / 8, 28);
  header.writeUInt16LE((channels * bits) / 8, 32);
  header.writeUInt16LE(bits, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(size, 40);
  return header;
}
