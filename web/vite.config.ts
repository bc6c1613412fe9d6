import { fileURLToPath } from 'node:url'
import tailwind from '@tailwindcss/vite'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'
import { budget, buildIdFile, buildIdOf, earlyScript, precompress } from './vite.plugins.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const buildId = buildIdOf(['src', 'index.html', 'package-lock.json', 'vite.config.ts', 'vite.plugins.ts'].map(here))
const server = process.env.GOIP_URL ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [vue(), tailwind(), earlyScript('src/shell/earlyTheme.js'), buildIdFile(buildId), precompress(), budget()],
  define: { __BUILD_ID__: JSON.stringify(buildId) },
  resolve: { alias: { '@': here('src') } },
  build: {
    outDir: here('../goip/static'),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    host: '127.0.0.1',
    proxy: {
      '/api': { target: server, ws: true },
      '/socket.io': { target: server, ws: true },
    },
  },
  test: { environment: 'happy-dom', include: ['tests/**/*.test.ts'] },
})
