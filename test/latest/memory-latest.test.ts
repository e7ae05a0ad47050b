import { test } from 'node:test'
import { openLatest } from '../../lib/latest/open-latest.ts'
import { runLatestSuite } from './latest-suite.ts'

test('the latest values in memory', t => runLatestSuite(t, () => openLatest('memory:')))
