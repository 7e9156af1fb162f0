import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/** Below this a compressed twin saves less than its headers cost. */
const COMPRESS_BYTES_MIN = 1024;
const COMPRESSIBLE = /\.(?:html|js|css|svg|json|webmanifest)$/;

const compressed = {
  '.gz': (data: Buffer) => promisify(gzip)(data, { level: 9 }),
  '.br': (data: Buffer) =>
    promisify(brotliCompress)(data, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: data.length },
    }),
};

/** Writes FILE.gz and FILE.br next to what compresses well, so that the gateway never compresses a file itself. */
function precompress(): Plugin {
  let outDir = '';
  return {
    name: 'precompress',
    apply: 'build',
    configResolved: (config) => {
      outDir = config.build.outDir;
    },
    closeBundle: async () => {
      const names = await readdir(outDir, { recursive: true });
      for (const name of names.filter((it) => COMPRESSIBLE.test(it))) {
        const data = await readFile(join(outDir, name));
        if (data.length < COMPRESS_BYTES_MIN) continue;
        for (const [suffix, compress] of Object.entries(compressed)) {
          const small = await compress(data);
          if (small.length < data.length) await writeFile(join(outDir, name + suffix), small);
        }
      }
    },
  };
}

/** A warning of the bundler is a failed build. */
function warningsAreErrors(): Plugin {
  return {
    name: 'warnings-are-errors',
    apply: 'build',
    config: () => ({
      build: {
        rollupOptions: {
          onwarn: (warning) => {
            // A directive for React's servers, of which there is none here.
            if (warning.code === 'MODULE_LEVEL_DIRECTIVE' && warning.id?.includes('/node_modules/') === true) return;
            throw new Error(warning.message);
          },
        },
      },
    }),
  };
}

const node = process.env['MUSICSTREAM_URL'] ?? 'http://127.0.0.1:8484';
// The node accepts only its own Origin, so the proxy speaks in its name.
const proxied = { target: node, changeOrigin: true, headers: { origin: node } };

export default defineConfig({
  plugins: [react(), precompress(), warningsAreErrors()],
  build: { target: 'es2022', chunkSizeWarningLimit: 700, sourcemap: false, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: {
    port: 5173,
    proxy: {
      '/graphql': { ...proxied, ws: true },
      '/api': proxied,
      '/hls': proxied,
      '/artwork': proxied,
      '/media': proxied,
    },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
