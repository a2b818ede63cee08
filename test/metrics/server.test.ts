import { connect } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Page, plain, startMetricsServer } from '../../src/metrics/server.ts'
import { within } from '../helpers/wait.ts'

const pages = { '/healthz': () => plain(200, 'ok'), '/bad': (): Page => plain(503, 'not now') }

async function start(more: Record<string, () => Page | Promise<Page>> = {}, host = '127.0.0.1') {
  const server = await startMetricsServer({ host, port: 0 }, { ...pages, ...more })
  onTestFinished(() => server.stop())
  return server
}

describe('the HTTP server of the metrics', () => {
  it('answers its pages with their status, whatever stands behind the question mark', async () => {
    const { url } = await start()
    const ok = await fetch(`${url}/healthz?verbose=1`)
    expect([ok.status, ok.headers.get('content-type'), await ok.text()]).toEqual([
      200,
      'text/plain; charset=utf-8',
      'ok\n',
    ])
    expect((await fetch(`${url}/bad`)).status).toBe(503)
  })

  it('gives a HEAD what a GET would have, without the body', async () => {
    const { url } = await start()
    const head = await fetch(`${url}/healthz`, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '3', ''])
  })

  it('refuses other paths, naming its own, and other methods, naming theirs', async () => {
    const { url } = await start()
    const missing = await fetch(`${url}/metricz`)
    expect([missing.status, await missing.text()]).toEqual([404, 'not found; there are /healthz, /bad\n'])
    for (const path of ['/', '/constructor', '/__proto__', '/healthz/'])
      expect((await fetch(url + path)).status).toBe(404)
    const post = await fetch(`${url}/healthz`, { method: 'POST', body: 'x'.repeat(1_000_000) })
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    expect(await post.text()).toBe('POST is not answered here; use GET, HEAD\n')
  })

  it('goes on after a page that failed and a client that speaks no HTTP', async () => {
    const { url } = await start({ '/fails': () => Promise.reject(new Error('a defect')) })
    await expect(fetch(`${url}/fails`)).rejects.toThrow()
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.end('nonsense\r\n\r\n')
    const said = await within(
      new Promise<string>(resolve => {
        let text = ''
        socket.on('data', data => {
          text += data
        })
        socket.on('close', () => resolve(text))
      }),
      'the end of the connection',
    )
    expect(said).toMatch(/^HTTP\/1\.1 400 /)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })

  it('stops at once though a client holds its connection, and frees the port', async () => {
    const first = await start()
    const socket = connect(Number(new URL(first.url).port), '127.0.0.1')
    await new Promise(resolve => socket.once('connect', resolve))
    await within(first.stop(), 'the stop')
    const port = Number(new URL(first.url).port)
    const second = await startMetricsServer({ host: '127.0.0.1', port }, pages)
    expect(second.url).toBe(first.url)
    await second.stop()
  })

  it('writes an address of IPv6 as a URL has it', async () => {
    const { url } = await start({}, '::1')
    expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })

  it('says which port is taken and what to do, and which address is none of this machine', async () => {
    const { url } = await start()
    const port = Number(new URL(url).port)
    await expect(startMetricsServer({ host: '127.0.0.1', port }, pages)).rejects.toMatchObject({
      code: 'port_in_use',
      message: `port ${port} of 127.0.0.1 is taken: metrics cannot be served there; choose another with --metrics-port, or 0 for a free one`,
    })
    await expect(startMetricsServer({ host: '192.0.2.1', port: 0 }, pages)).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining('metrics cannot be served on 192.0.2.1 port 0'),
    })
  })
})
