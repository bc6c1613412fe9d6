import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import type { Plugin, Rolldown } from 'vite'

const COMPRESSIBLE = /\.(js|css|html|svg|json|webmanifest)$/
const SMALLEST_WORTH_IT = 512

function* filesBelow(folder: string): Generator<string> {
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) yield* filesBelow(path)
    else yield path
  }
}

/** The same sources give the same id, on every machine: a rebuild without a change asks nobody to reload. */
export function buildIdOf(sources: string[]): string {
  const hash = createHash('sha256')
  for (const source of sources) {
    const paths = statSync(source).isDirectory() ? [...filesBelow(source)] : [source]
    for (const path of paths) hash.update(readFileSync(path))
  }
  return hash.digest('hex').slice(0, 12)
}

/** Puts the id where the server finds it: `build-id.txt` beside the page. */
export function buildIdFile(buildId: string): Plugin {
  return {
    name: 'goip-build-id',
    apply: 'build',
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: 'build-id.txt', source: `${buildId}\n` })
    },
  }
}

/**
 * Links a small classic script before the first paint, so that a chosen dark theme never flashes white.
 * The CSP allows no inline script, and a module would run too late.
 */
export function earlyScript(source: string): Plugin {
  let isBuild = false
  return {
    name: 'goip-early-script',
    configResolved(config) {
      isBuild = config.command === 'build'
    },
    buildStart() {
      if (isBuild) this.emitFile({ type: 'asset', name: 'theme.js', source: readFileSync(source) })
    },
    transformIndexHtml(_html, { bundle }) {
      const emitted = Object.values(bundle ?? {}).find((file) => file.type === 'asset' && file.names.includes('theme.js'))
      return [{ tag: 'script', attrs: { src: `/${emitted?.fileName ?? source}` }, injectTo: 'head' }]
    },
  }
}

/** Writes `.gz` and `.br` twins, so that the server never compresses the page itself. */
export function precompress(): Plugin {
  return {
    name: 'goip-precompress',
    apply: 'build',
    enforce: 'post',
    writeBundle({ dir }) {
      for (const path of filesBelow(dir!)) {
        const bytes = readFileSync(path)
        if (!COMPRESSIBLE.test(path) || bytes.length < SMALLEST_WORTH_IT) continue
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }))
        const size = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: size }))
      }
    },
  }
}

/** In KiB, compressed as the server sends it. */
const BUDGETS = { 'first JavaScript': 130, CSS: 15, 'a lazy page': 40 }

function sizeOf(...files: (Rolldown.OutputChunk | Rolldown.OutputAsset | undefined)[]): number {
  const sizes = files.map((file) => (file ? gzipSync(file.type === 'chunk' ? file.code : file.source, { level: 9 }).length : 0))
  return sizes.reduce((sum, size) => sum + size, 0) / 1024
}

/** Fails the build of a page that became too heavy: on a phone's line, weight is the time until something shows. */
export function budget(): Plugin {
  return {
    name: 'goip-budget',
    apply: 'build',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const files = Object.values(bundle)
        const chunks = files.filter((file) => file.type === 'chunk')
        const entry = chunks.find((chunk) => chunk.isEntry)!
        const first = new Set([entry.fileName])
        for (const name of first) for (const next of (bundle[name] as Rolldown.OutputChunk).imports) first.add(next)
        const lazy = chunks.filter((chunk) => !first.has(chunk.fileName))
        const measured: Record<keyof typeof BUDGETS, number> = {
          'first JavaScript': sizeOf(...[...first].map((name) => bundle[name])),
          CSS: sizeOf(...files.filter((file) => file.fileName.endsWith('.css'))),
          'a lazy page': Math.max(0, ...lazy.map((chunk) => sizeOf(chunk))),
        }
        for (const [what, most] of Object.entries(BUDGETS)) {
          const size = measured[what as keyof typeof BUDGETS]
          if (size > most) this.error(`${what} is ${size.toFixed(1)} KiB compressed; the budget is ${most}`)
        }
        this.info(Object.entries(measured).map(([what, size]) => `${what} ${size.toFixed(1)} KiB`).join(', '))
      },
    },
  }
}
