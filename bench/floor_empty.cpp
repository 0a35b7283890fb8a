/// The least that a C++ program can be which prints a line: what any start costs that loads libstdc++.

#include <iostream>

int main() { std::cout << "No jobs.\n"; }
