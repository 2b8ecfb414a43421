-- Nothing: the number is taken by a step that comes from elsewhere.
DO 'BEGIN END';
