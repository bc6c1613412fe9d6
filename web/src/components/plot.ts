import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { formatNumber } from '@/i18n/format'
import { lonePoints, type Value } from './chartData'

/** The one file that knows uPlot. Times are ms outside and in here too (`ms: 1`). */
export interface PlotOptions {
  colours: readonly string[]
  /** Charts with the same key share their cursor. */
  syncKey?: string
  /** Fixed ends of the value axis. */
  yRange?: readonly [number, number]
  formatTicks: (times: number[]) => string[]
  onCursor: (index: number | null) => void
  onZoom: (range: { from: number; to: number } | null) => void
}

export interface Plot {
  setData(times: readonly number[], columns: readonly (readonly Value[])[], view: { from: number; to: number }): void
  setSize(width: number, height: number): void
  /** Puts the cursor on a point, as the arrow keys do. */
  point(index: number | null): void
  redraw(): void
  destroy(): void
}

const DASHES = [[], [6, 4], [2, 3], [8, 3, 2, 3]]
const SMALLEST_ZOOM_PX = 6

const axisFont = '11px ui-sans-serif, system-ui, sans-serif'

/** Room above and below, so that a flat line is not drawn on the frame. */
function padded(low: number, high: number): [number, number] {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1]
  const room = Math.max((high - low) * 0.15, 3)
  return [Math.floor(low - room), Math.ceil(high + room)]
}

function seriesOf(index: number, colour: () => string): uPlot.Series {
  return {
    stroke: colour,
    width: 1.75,
    dash: DASHES[index % DASHES.length],
    spanGaps: false,
    points: {
      show: true,
      size: 5,
      fill: colour,
      filter: (plot, seriesIndex) => lonePoints(plot.data[seriesIndex] as Value[]),
    },
  }
}

function axesOf(options: PlotOptions, css: (name: string) => string): uPlot.Axis[] {
  const look = { stroke: () => css('--muted'), font: axisFont, ticks: { show: false }, border: { show: false } }
  const grid = { stroke: () => css('--line'), width: 1 }
  return [
    { ...look, grid: { show: false }, space: 72, size: 28, values: (_, splits) => options.formatTicks(splits) },
    { ...look, grid, space: 34, size: 46, values: (_, splits) => splits.map((value) => formatNumber(value)) },
  ]
}

function cursorOf(options: PlotOptions): uPlot.Cursor {
  return {
    y: false,
    drag: { x: true, y: false, setScale: false, dist: SMALLEST_ZOOM_PX },
    points: { size: 8 },
    // The others follow the cursor; a zoom reaches them by the range that all of them are given.
    sync: options.syncKey ? { key: options.syncKey, setSeries: false, filters: { pub: (type) => type === 'mousemove' || type === 'mouseleave' } } : undefined,
    bind: {
      dblclick: () => () => {
        options.onZoom(null)
        return null
      },
    },
  }
}

function onSelect(plot: uPlot, options: PlotOptions): void {
  const { left, width } = plot.select
  if (width < SMALLEST_ZOOM_PX) return
  options.onZoom({ from: plot.posToVal(left, 'x'), to: plot.posToVal(left + width, 'x') })
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
}

/** Draws into `host`. Colours are read from its CSS variables at every drawing, so a theme change is a redraw. */
export function createPlot(host: HTMLElement, options: PlotOptions): Plot {
  const css = (name: string) => getComputedStyle(host).getPropertyValue(name).trim() || '#888'
  let view = { from: 0, to: 1 }
  const plot = new uPlot(
    {
      width: Math.max(120, host.clientWidth),
      height: Math.max(120, host.clientHeight),
      ms: 1,
      legend: { show: false },
      padding: [10, 12, 0, 0],
      cursor: cursorOf(options),
      scales: {
        x: { time: true, range: () => [view.from, view.to] },
        y: { range: options.yRange ? [...options.yRange] : (_, low, high) => padded(low, high) },
      },
      axes: axesOf(options, css),
      series: [{}, ...options.colours.map((name, i) => seriesOf(i, () => css(name)))],
      hooks: {
        setCursor: [(self) => options.onCursor(self.cursor.idx ?? null)],
        setSelect: [(self) => onSelect(self, options)],
      },
    },
    [[], ...options.colours.map(() => [])],
    host,
  )
  return {
    setData(times, columns, range) {
      view = range
      plot.setData([times, ...columns] as uPlot.AlignedData, true)
    },
    setSize: (width, height) => plot.setSize({ width, height }),
    point(index) {
      const at = index === null ? undefined : plot.data[0][index]
      plot.setCursor(at === undefined ? { left: -10, top: -10 } : { left: plot.valToPos(at, 'x'), top: plot.bbox.height / 2 })
    },
    redraw: () => plot.redraw(false),
    destroy: () => plot.destroy(),
  }
}
