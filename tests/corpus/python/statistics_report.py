import statistics as st
from fractions import Fraction

data = [2.5, 3.1, 4.7, 4.7, 5.0, 6.2, 9.9, 12.0]
print(f"mean {st.mean(data):.4f} median {st.median(data)} mode {st.mode(data)} stdev {st.stdev(data):.6f}")
print([round(cut, 4) for cut in st.quantiles(data, n=4)], st.median_low([1, 2, 3, 4]), st.multimode("aabbc"))
print(st.pvariance([1, 2, 3, 4]), st.mean([Fraction(1, 3), Fraction(1, 6)]), round(st.harmonic_mean([40, 60]), 6))
xs = [1, 2, 3, 4, 5, 6]
ys = [2.1, 3.9, 6.2, 7.8, 10.1, 11.9]
slope, intercept = st.linear_regression(xs, ys)
print(f"y = {slope:.4f}x + {intercept:.4f}, r = {st.correlation(xs, ys):.5f}")
normal = st.NormalDist(100, 15)
print(round(normal.cdf(130), 6), round(normal.inv_cdf(0.975), 4), normal + 5)
low, high = min(data), max(data)
width = (high - low) / 4
bins = [0] * 4
for value in data:
    bins[min(int((value - low) / width), 3)] += 1
for index, count in enumerate(bins):
    print(f"[{low + index * width:6.3f}, {low + (index + 1) * width:6.3f}) {'*' * count}")
try:
    st.mean([])
except st.StatisticsError as error:
    print(type(error).__name__)
