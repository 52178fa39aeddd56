print("before")
print("half of a character: \ud800")
