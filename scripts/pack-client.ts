// Makes what is published of packages/mesos-http-client: JavaScript and declarations in a folder with a package.json of its
// own, and the tarball of that folder. Not from the package's folder itself: there `exports` names the TypeScript that this
// repository runs, npm knows no other `exports` for publishing, and a package.json that is changed for a moment would be
// found changed by whoever runs meanwhile. `npm pack` and `npm publish` in the package's folder refuse (its `prepack`).
import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..')
const source = join(root, 'packages/mesos-http-client')

/** npm keeps its compiled self below TMPDIR, which nobody would clear away. */
export const npmEnvironment = (): NodeJS.ProcessEnv => ({ ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' })

/** What the source's package.json says, but for what concerns only this repository. */
async function publishedManifest(): Promise<{ name: string; version: string }> {
  const {
    scripts: _scripts,
    exports: _exports,
    ...kept
  } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8'))
  return {
    ...kept,
    files: ['dist', 'proto', 'mesos-rules.md'],
    types: './dist/index.d.ts',
    exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
  }
}

/** tsc leaves `.ts` in the specifiers of declarations, which not every compiler takes for the `.d.ts` beside. */
async function nameJavaScript(folder: string): Promise<void> {
  const names = await readdir(folder, { recursive: true })
  for (const name of names.filter(each => each.endsWith('.d.ts'))) {
    const path = join(folder, name)
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replaceAll(/((?:from|import\() ?')(\.[^']*)\.ts'/g, "$1$2.js'"))
  }
}

/**
 * Builds and packs.
 * @param out a folder for both; what an earlier run has left there is replaced
 * @returns the folder that was packed, and the tarball
 * @throws Error with the compiler's words if it does not compile
 */
export async function packClient(out: string): Promise<{ folder: string; tarball: string }> {
  const manifest = await publishedManifest()
  const folder = join(out, manifest.name)
  const dist = join(folder, 'dist')
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const config = join(source, 'tsconfig.build.json')
  await run(join(root, 'node_modules/.bin/tsc'), ['-p', config, '--outDir', dist]).catch(
    ({ stdout }: { stdout: string }) => {
      throw new Error(`mesos-http-client does not compile:\n${stdout}`)
    },
  )
  await nameJavaScript(dist)
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  await cp(join(source, 'README.md'), join(folder, 'README.md'))
  await cp(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  await cp(join(root, 'docs/mesos-rules.md'), join(folder, 'mesos-rules.md'))
  await cp(join(root, 'proto/mesos'), join(folder, 'proto/mesos'), { recursive: true })
  await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', out], {
    cwd: folder,
    env: npmEnvironment(),
  })
  return { folder, tarball: join(out, `${manifest.name}-${manifest.version}.tgz`) }
}

if (import.meta.main) {
  const { tarball } = await packClient(join(root, 'build'))
  process.stdout.write(`${tarball}\nnpm publish ${tarball}\n`)
}
