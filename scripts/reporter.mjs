// Mocha's spec reporter with one more line at the very end, which CI reads: `N passed, N failed`.
import mocha from 'mocha'

export default class Reporter extends mocha.reporters.Spec {
  epilogue() {
    super.epilogue()
    const { passes, failures, pending } = this.stats
    process.stdout.write(`${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ''}\n`)
  }
}
