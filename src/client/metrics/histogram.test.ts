import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addHistograms, BucketHistogram } from './histogram.ts'

const bounds = [1, 10, 100]

describe('BucketHistogram', () => {
  test('a value on a bound is in the bucket of that bound; a larger one than all is in the count only', () => {
    const histogram = new BucketHistogram(bounds)
    for (const value of [0, 1, 1.5, 10, 100, 100.1]) histogram.record(value)

    expect(histogram.read()).toEqual({
      buckets: [
        { le: 1, count: 2 },
        { le: 10, count: 4 },
        { le: 100, count: 5 },
      ],
      sum: 212.6,
      count: 6,
    })
  })

  test('one value may stand for many', () => {
    const histogram = new BucketHistogram(bounds)
    histogram.record(5, 1000)
    histogram.record(200, 3)

    const { buckets, sum, count } = histogram.read()
    expect(buckets.map(bucket => bucket.count)).toEqual([0, 1000, 1000])
    expect({ sum, count }).toEqual({ sum: 5600, count: 1003 })
  })

  test('each bucket counts the values that are not larger, and two added are those of both', () => {
    const values = fc.array(fc.double({ min: 0, max: 200, noNaN: true }))
    fc.assert(
      fc.property(values, values, (some, others) => {
        const [one, two, both] = [some, others, [...some, ...others]].map(recorded => {
          const histogram = new BucketHistogram(bounds)
          for (const value of recorded) histogram.record(value)
          return histogram.read()
        })
        const counts = bounds.map(le => [...some, ...others].filter(value => value <= le).length)
        expect(both!.buckets.map(bucket => bucket.count)).toEqual(counts)
        const added = addHistograms([one!, two!], bounds)
        expect({ ...added, sum: 0 }).toEqual({ ...both!, sum: 0 })
        expect(added.sum).toBeCloseTo(both!.sum, 6)
      }),
    )
  })

  test('of nothing: empty buckets', () => {
    expect(addHistograms([], bounds)).toEqual({ buckets: bounds.map(le => ({ le, count: 0 })), sum: 0, count: 0 })
  })
})
